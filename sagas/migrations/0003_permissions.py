from django.db import migrations

# It changes no table. Django makes the permissions after `migrate`.


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0002_limits'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='sagaexecution',
            options={'permissions': [('start_saga', 'Can start sagas of every type'), ('operate_saga', 'Can operate sagas of every type'), ('administer_saga', 'Can administer sagas of every type')]},
        ),
    ]
